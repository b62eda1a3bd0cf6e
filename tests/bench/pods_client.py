"""The official Python client reads the same pods and changes, and keeps of each what we keep.

It says `listed` once it has them all, and at the end what it took.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from kubernetes import client, watch

PODS = 10_000


def main(url: str, token: str, ca: str, plain: bool) -> None:
    """`token` is a file's name; `plain`: without models, the client's fastest way: dicts from its JSON."""
    settings = client.Configuration(host=url)
    settings.ssl_ca_cert = ca
    settings.api_key = {"authorization": f"Bearer {Path(token).read_text()}"}
    api = client.CoreV1Api(client.ApiClient(settings))
    start = time.process_time()
    kept, more = {}, None
    while more != "":
        call = api.list_pod_for_all_namespaces
        if plain:
            answer = call(limit=500, _continue=more, _preload_content=False)
            page = json.loads(answer.data)
            kept |= {
                p["metadata"]["uid"]: (p["spec"]["nodeName"], p["status"]["phase"]) for p in page["items"]
            }
            version_, more = page["metadata"]["resourceVersion"], page["metadata"].get("continue", "")
        else:
            page = call(limit=500, _continue=more)
            kept |= {p.metadata.uid: (p.spec.node_name, p.status.phase) for p in page.items}
            version_, more = page.metadata.resource_version, page.metadata._continue or ""
    listed = time.process_time()
    assert len(kept) == PODS
    print("listed", flush=True)
    watching = watch.Watch()
    stream = watching.stream(
        api.list_pod_for_all_namespaces,
        resource_version=version_,
        **({"deserialize": False} if plain else {}),
    )
    for seen, event in enumerate(stream, 1):
        one = event.get("raw_object") or event["object"]
        kept[one["metadata"]["uid"]] = (one["spec"]["nodeName"], one["status"]["phase"])
        if seen == PODS:
            break
    changed = time.process_time()
    assert {phase for _, phase in kept.values()} == {"Succeeded"}
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    said = {
        "list": listed - start,
        "changes": changed - listed,
        "peak": int(peak.split()[1]) // 1024,
        "version": version("kubernetes"),
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4] == "plain")
