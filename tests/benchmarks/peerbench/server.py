"""A fake Ollama server (plus the OpenAI-compatible part) for benchmarks.

  python -m peerbench.server --port 11555

Control (JSON):  POST /__pb/config {ttft, tps (0 = as fast as possible), tokens, arm}
                 GET  /__pb/log      every request with its monotonic times
                 POST /__pb/reset    forget the log
The first streaming chat request after `arm` whose text contains PBRUN gets the
long answer; anything else (titles, summaries, probes) gets a short fixed reply.
Times are time.monotonic(), i.e. CLOCK_MONOTONIC, comparable between processes.
"""

import argparse
import asyncio
import datetime
import json
import time

from aiohttp import web

from . import content

VERSION = "0.12.6"
MODELS = ["bench:latest", "other:7b"]
cfg = {"ttft": 0.0, "tps": 0.0, "tokens": 50, "seed": 7, "mark": "PBRUN"}
state = {"armed": True}
log = []
now = time.monotonic


def iso():
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")


def details():
    return {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "8.0B",
        "quantization_level": "Q4_K_M",
    }


def model_row(name):
    return {
        "name": name,
        "model": name,
        "modified_at": "2025-06-01T10:00:00Z",
        "size": 4661224676,
        "digest": f"{abs(hash(name)) % 16**8:08x}" + "365c0be8ff21d97e8be1b7db9db3ae4bd1d6b6a7e9b0a1c2d3e4f506",
        "details": details(),
    }


async def version(_):
    return web.json_response({"version": VERSION})


async def root(_):
    return web.Response(text="Ollama is running")


async def tags(_):
    return web.json_response({"models": [model_row(m) for m in MODELS]})


async def ps(_):
    return web.json_response(
        {
            "models": [
                dict(model_row(MODELS[0]), expires_at="2035-01-01T00:00:00Z", size_vram=4661224676, context_length=8192)
            ]
        }
    )


async def show(_):
    return web.json_response(
        {
            "license": "none",
            "modelfile": "FROM bench\nPARAMETER temperature 0.7\n",
            "parameters": "temperature 0.7\nnum_ctx 8192",
            "template": "{{ .System }} {{ .Prompt }}",
            "details": details(),
            "capabilities": ["completion"],
            "model_info": {
                "general.architecture": "llama",
                "general.parameter_count": 8030261248,
                "llama.context_length": 8192,
                "llama.embedding_length": 4096,
            },
            "modified_at": "2025-06-01T10:00:00Z",
        }
    )


def note(request, body, n_tok=0):
    text = json.dumps(body)
    e = {
        "t": request["t_arrive"],
        "path": request.path,
        "method": request.method,
        "stream": None,
        "bytes_in": len(text),
        "marked": cfg["mark"] in text,
        "main": False,
        "chunks": [],
        "t_done": None,
        "aborted": False,
    }
    log.append(e)
    return e


def stats(body_text, n, t0, ttft):
    total = int((now() - t0) * 1e9)
    return {
        "total_duration": total,
        "load_duration": 12345678,
        "prompt_eval_count": max(1, len(body_text) // 4),
        "prompt_eval_duration": int(max(ttft, 0.001) * 1e9),
        "eval_count": n,
        "eval_duration": max(1, total - int(ttft * 1e9)),
    }


async def run_stream(request, body, entry, wrap, final, ctype):
    main = entry["marked"] and state["armed"]
    if main:
        state["armed"] = False
        entry["main"] = True
        toks, ttft, tps = content.tokens(cfg["tokens"], cfg["seed"]), cfg["ttft"], cfg["tps"]
    else:
        toks, ttft, tps = ("Bench", " chat"), 0.0, 0.0
    resp = web.StreamResponse(headers={"Content-Type": ctype, "Cache-Control": "no-cache"})
    await resp.prepare(request)
    t0 = now()
    start = t0 + ttft
    times = entry["chunks"]
    try:
        for k, tok in enumerate(toks):
            due = start + (k / tps if tps else 0)
            d = due - now()
            if d > 0:
                await asyncio.sleep(d)
            elif tps and k % 16 == 0:
                await asyncio.sleep(0)
            data = wrap(tok, k)
            times.append(now())
            await resp.write(data)
        entry["t_last_write_end"] = now()
        for data in final(stats(json.dumps(body), len(toks), t0, ttft)):
            await resp.write(data)
        await resp.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        entry["aborted"] = True
        raise
    finally:
        entry["t_done"] = now()
    return resp


def nd(obj):
    return (json.dumps(obj) + "\n").encode()


async def chat(request):
    body = await request.json()
    model = body.get("model", MODELS[0])
    e = note(request, body)
    gen = request.path.endswith("/generate")
    stream = e["stream"] = body.get("stream", True)

    def piece(tok, **kw):
        d = {"model": model, "created_at": iso()}
        if gen:
            d["response"] = tok
        else:
            d["message"] = {"role": "assistant", "content": tok}
        d.update(kw)
        return d

    if not stream:
        e["t_done"] = now()
        return web.json_response(piece("Bench chat", done=True, done_reason="stop", **stats("x", 2, now(), 0.0)))
    return await run_stream(
        request,
        body,
        e,
        lambda tok, k: nd(piece(tok, done=False)),
        lambda st: [nd(piece("", done=True, done_reason="stop", **st))],
        "application/x-ndjson",
    )


async def v1_chat(request):
    body = await request.json()
    model = body.get("model", MODELS[0])
    e = note(request, body)
    stream = e["stream"] = body.get("stream", False)
    cid, created = "chatcmpl-1", int(time.time())

    def usage(st):
        return {
            "prompt_tokens": st["prompt_eval_count"],
            "completion_tokens": st["eval_count"],
            "total_tokens": st["prompt_eval_count"] + st["eval_count"],
        }

    if not stream:
        e["t_done"] = now()
        return web.json_response(
            {
                "id": cid,
                "object": "chat.completion",
                "created": created,
                "model": model,
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": "Bench chat"}, "finish_reason": "stop"}
                ],
                "usage": usage(stats("x", 2, now(), 0.0)),
            }
        )

    def sse(obj):
        return b"data: " + json.dumps(obj).encode() + b"\n\n"

    def chunk(delta, fin=None, **kw):
        return sse(
            {
                "id": cid,
                "object": "chat.completion.chunk",
                "created": created,
                "model": model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": fin}],
                **kw,
            }
        )

    def final(st):
        yield chunk({"content": ""}, "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            yield sse(
                {
                    "id": cid,
                    "object": "chat.completion.chunk",
                    "created": created,
                    "model": model,
                    "choices": [],
                    "usage": usage(st),
                }
            )
        yield b"data: [DONE]\n\n"

    return await run_stream(
        request,
        body,
        e,
        lambda tok, k: chunk({"role": "assistant", "content": tok} if k == 0 else {"content": tok}),
        final,
        "text/event-stream",
    )


async def v1_models(_):
    return web.json_response(
        {"object": "list", "data": [{"id": m, "object": "model", "created": 1, "owned_by": "library"} for m in MODELS]}
    )


async def v1_model(request):
    return web.json_response({"id": request.match_info["m"], "object": "model", "created": 1, "owned_by": "library"})


async def embed(request):
    body = await request.json()
    inp = body.get("input") or body.get("prompt") or ""
    n = len(inp) if isinstance(inp, list) else 1
    vec = [((i * 37) % 101) / 101 for i in range(64)]
    if request.path.endswith("/embeddings"):
        return web.json_response({"embedding": vec})
    return web.json_response(
        {
            "model": body.get("model"),
            "embeddings": [vec] * n,
            "total_duration": 1000,
            "load_duration": 10,
            "prompt_eval_count": n,
        }
    )


async def set_config(request):
    body = await request.json()
    if body.pop("arm", True):
        state["armed"] = True
    cfg.update(body)
    content.tokens(cfg["tokens"], cfg["seed"])  # build before it is asked for
    return web.json_response(cfg)


async def get_log(request):
    full = request.query.get("full") == "1"
    rows = [dict(e, chunks=e["chunks"] if full else len(e["chunks"])) for e in log]
    return web.json_response(rows)


async def reset(_):
    log.clear()
    return web.json_response({})


@web.middleware
async def stamp(request, handler):
    request["t_arrive"] = now()
    if request.method == "GET" and not request.path.startswith("/__pb"):
        log.append(
            {
                "t": request["t_arrive"],
                "path": request.path,
                "method": "GET",
                "stream": None,
                "marked": False,
                "main": False,
                "chunks": [],
                "t_done": None,
                "aborted": False,
            }
        )
    return await handler(request)


def app():
    a = web.Application(middlewares=[stamp], client_max_size=64 * 2**20)
    a.add_routes(
        [
            web.get("/", root),
            web.head("/", root) if False else web.get("/api/version", version),
            web.get("/api/tags", tags),
            web.get("/api/ps", ps),
            web.post("/api/show", show),
            web.post("/api/chat", chat),
            web.post("/api/generate", chat),
            web.post("/api/embed", embed),
            web.post("/api/embeddings", embed),
            web.get("/v1/models", v1_models),
            web.get("/v1/models/{m:.+}", v1_model),
            web.post("/v1/chat/completions", v1_chat),
            web.post("/__pb/config", set_config),
            web.get("/__pb/log", get_log),
            web.post("/__pb/reset", reset),
        ]
    )
    return a


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=11555)
    web.run_app(app(), host="127.0.0.1", port=p.parse_args().port, print=None, access_log=None)
