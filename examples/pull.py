"""A consumer that pulls, on Python's standard library: keeps a copy of the shop's stock in SQLite. Nothing is held open for more than half a minute.

Run it with a key of an INTEGRATION user that has a sync view:
    SYNKVY_KEY=synkvy_… python3 examples/pull.py
"""
import json
import os
import random
import sqlite3
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("SYNKVY_URL", "http://127.0.0.1:4000") + "/graphql"
PULL = """{ stockChanges(waitSeconds: 25) { cursor changes { kind stockLevelId revision sku locationCode stockLevel { available } } } }"""
ACKNOWLEDGE = "mutation ($cursor: Cursor!) { acknowledge(cursor: $cursor) { __typename } }"


class Refused(Exception):
    """The gateway says that the same will not succeed later."""


def call(query, variables=None):
    headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ.get("SYNKVY_KEY", "")}
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=60) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.load(error)  # A refusal has a status of its own, and its reason all the same.
    for error in answer.get("errors", []):
        retryable = error.get("extensions", {}).get("retryable", False)
        raise OSError(error["message"]) if retryable else Refused(error["message"])
    return answer["data"]


def store(database, change):
    """Drops what is older than what is there. What is gone stays as a row without a number, for its revision."""
    available = change["stockLevel"] and change["stockLevel"]["available"]
    database.execute(
        """INSERT INTO stock VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
           SET revision = excluded.revision, sku = excluded.sku, available = excluded.available WHERE excluded.revision >= revision""",
        (change["stockLevelId"], int(change["revision"]), change["sku"], change["locationCode"], available),
    )
    print(f"{change['sku']} at {change['locationCode']}: {'gone' if available is None else available}", flush=True)


def pull(database):
    batch = call(PULL)["stockChanges"]
    with database:  # One transaction a batch.
        for change in batch["changes"]:
            store(database, change)
    if batch["changes"]:
        call(ACKNOWLEDGE, {"cursor": batch["cursor"]})


def main():
    database = sqlite3.connect(os.environ.get("COPY", "stock.sqlite"))
    database.execute("CREATE TABLE IF NOT EXISTS stock (id TEXT PRIMARY KEY, revision INTEGER, sku TEXT, location TEXT, available INTEGER)")
    failures = 0
    while True:
        try:
            pull(database)
            failures = 0
        except Refused as error:
            sys.exit(str(error))
        except (OSError, ValueError) as error:  # The gateway or the network is away, or something between answers in its place.
            failures += 1
            print(f"trying again: {error}", file=sys.stderr)
            time.sleep(random.uniform(0, min(30, 0.5 * 2**failures)))


main()
