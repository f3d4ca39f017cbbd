// Show time and value under the pointer, read back from what is drawn.
for (const chart of document.querySelectorAll("svg.chart")) {
  const points = chart.querySelector(".line").points, cursor = chart.querySelector(".cursor"), text = chart.querySelector(".readout");
  const { start, end, low, high, percent, downward } = chart.dataset;
  const box = chart.viewBox.baseVal, left = 86, right = 14, top = 12, bottom = 26;
  const hide = () => { cursor.style.visibility = text.style.visibility = "hidden"; };
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("pointermove", (event) => {
    const x = (event.offsetX / chart.clientWidth) * box.width;
    let first = 0, last = points.numberOfItems - 1;
    while (last - first > 1) {
      const middle = (first + last) >> 1;
      if (points.getItem(middle).x <= x) first = middle; else last = middle;
    }
    const near = Math.abs(points.getItem(first).x - x) < Math.abs(points.getItem(last).x - x) ? first : last;
    const at = points.getItem(near), share = (at.y - top) / (box.height - top - bottom);
    const value = +high - (+high - +low) * (downward === "1" ? 1 - share : share);
    const milliseconds = (+start + ((at.x - left) / (box.width - left - right)) * (+end - +start)) / 1e6;
    const shown = percent === "1" ? `${(100 * value).toFixed(2)} %` : value.toLocaleString("en", { maximumSignificantDigits: 7 });
    text.textContent = `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")}  ${shown}`;
    cursor.setAttribute("x1", at.x); cursor.setAttribute("x2", at.x);
    const beyond = at.x > box.width / 2;
    text.setAttribute("x", at.x + (beyond ? -8 : 8)); text.setAttribute("text-anchor", beyond ? "end" : "start");
    cursor.style.visibility = text.style.visibility = "visible";
  });
}
