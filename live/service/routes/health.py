"""Health: is the process up, is it ready to trade and if not why, and its metrics. No token is needed."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from live.service.access import Service

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Answer as long as the process can answer."""
    return "ok\n"


@router.get("/readyz")
async def readyz(service: Service) -> JSONResponse:
    """Answer 200 when ready to trade, else 503 with every reason."""
    reasons = service.unready()
    return JSONResponse({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)


@router.get("/metrics")
async def metrics(service: Service) -> Response:
    """Give the metrics in the Prometheus text format."""
    return Response(service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
