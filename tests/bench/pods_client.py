"""The official Python client reads the same pods and changes, and keeps of each what we keep."""

import json
import sys
import time
import urllib.request
from importlib.metadata import version

from kubernetes import client, watch

PODS = 10_000


def main(url: str, plain: bool) -> None:
    """`plain`: without models, the client's fastest way: dicts from its JSON."""
    api = client.CoreV1Api(client.ApiClient(client.Configuration(host=url)))
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
    urllib.request.urlopen(f"{url}/go")
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
    said = {
        "list": listed - start,
        "changes": changed - listed,
        "version": version("kubernetes"),
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "plain")
