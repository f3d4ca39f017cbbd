import marimo

app = marimo.App(width="medium", app_title="ema_cross, from bars to a trial")


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # ema_cross, from bars to a trial

    Hold half of the account while the fast average of closes is above the slow one, else nothing. This page replays that on frozen,
    validated bars through the engine that trades, with every risk check on, and counts the attempt.

    `INTERLOCK_HOME` says which home is read; without it that is `data/`. It needs the dataset `sample`: `make demo` makes it, and so do
    `interlock ingest` and `interlock dataset freeze`.
    """)
    return


@app.cell
def _():
    from dagster_project.research import log_trial, open_dataset, open_home, plot_equity, read_bars, replay_dataset

    home = open_home()
    return home, log_trial, open_dataset, plot_equity, read_bars, replay_dataset


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## The lake

    Only bars that passed the quality suite are published. You see the last of March 2019: open, high, low, close and
    volume, under the time at which the bar closed and became known.
    """)
    return


@app.cell
def _(home, read_bars):
    read_bars(home, "binance-spot:BTCUSDT", start="2019-03-01", end="2019-04-01").tail()
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## The replay

    The dataset is frozen and named by the digest of its content, so tomorrow this is the same replay, record for record. Change `fast` or
    `slow` within the ranges of `strategy.toml`: another choice is another version.
    """)
    return


@app.cell
def _(home, mo, open_dataset, replay_dataset):
    dataset = open_dataset(home, "sample")
    run = replay_dataset(mo.notebook_dir(), dataset, {"fast": 20, "slow": 50}, home=home)
    return (run,)


@app.cell(hide_code=True)
def _(mo, run):
    mo.md(f"""
    | measure | value |
    |---|---:|
    | version | {run.folder.version.label} |
    | dataset | {run.dataset.manifest.name}, {run.dataset.digest[:12]} |
    | market events | {run.result.events:,} |
    | fills | {run.result.fills:,} |
    | orders denied by risk | {sum(run.result.denials.values()):,} |
    | profit after fees, USDT | {run.result.profit["ema_cross"]} |
    | Sharpe ratio per day | {run.sharpe:.4f} |
    | parity digest | {run.result.parity_digest[:16]}… |

    ## The equity

    Above: cash and position at the last close, after fees and slippage, from the fills alone. Below: how far it had fallen from its peak.
    A line that rises says little yet: the gates ask what luck, higher costs and single stretches of market have to do with it.
    """)
    return


@app.cell
def _(plot_equity, run):
    plot_equity(run)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## The trial

    Every look is an attempt. It goes into the ledger, which only grows, and into MLflow under the strategy's name. The more versions were
    tried on a dataset, the higher the Sharpe ratio has to be to mean something; the same version again is no further one.
    """)
    return


@app.cell
def _(log_trial, run):
    trial = log_trial(run)
    return (trial,)


@app.cell(hide_code=True)
def _(mo, trial):
    mo.md(f"""
    This was trial {trial.number} of this home: {trial.strategy_id} over {trial.days} days. `make dev` opens MLflow, where its run is.
    """)
    return


if __name__ == "__main__":
    app.run()
