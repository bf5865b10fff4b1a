"""Fetch every operation with a generated client: run by the client's own Python.

Prints, for each operation, what the client made of the answer, as JSON.
"""

import json
import sys
from importlib import import_module
from pathlib import Path


def main(folder: str, document: str, url: str, token: str) -> None:
    """Import the client from its folder, and use it."""
    sys.path.insert(0, folder)
    client = import_module("edgetally_client").AuthenticatedClient(base_url=url, token=token)
    dimension = import_module("edgetally_client.models").TopDimension
    answers = {}
    for path in json.loads(Path(document).read_text())["paths"].values():
        name = path["get"]["operationId"]
        operation = import_module(f"edgetally_client.api.default.{name}")
        arguments = {"dimension": dimension("path")} if name == "top" else {}
        answer = operation.sync_detailed(client=client, **arguments)
        made = answer.parsed
        answers[name] = [
            int(answer.status_code),
            made if isinstance(made, str) else made.to_dict(),
        ]
    refused = import_module("edgetally_client.api.default.top").sync(
        client=client, dimension=dimension("path"), cursor="no-cursor"
    )
    answers["refused"] = [400, refused.to_dict()]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
