"""Reads a value from Redis and follows it, never backwards in time.

    pip install redis
    python3 examples/redis_subscriber.py redis://127.0.0.1:6380 ticker:binance:BTC-USDT
"""
import json
import sys
from decimal import Decimal

import redis

url = sys.argv[1] if len(sys.argv) > 1 else "redis://127.0.0.1:6380"
key = sys.argv[2] if len(sys.argv) > 2 else "ticker:binance:BTC-USDT"
held = (0, 0)


def show(text: str) -> None:
    global held
    value = json.loads(text)
    version = (value["epoch"], value["seq"])
    if version < held:
        return
    held = version
    # Prices are exact decimal text.
    last = value.get("last")
    print(key, value["status"], text if last is None else Decimal(last), flush=True)


client = redis.Redis.from_url(url, decode_responses=True)
channel = client.pubsub(ignore_subscribe_messages=True)
# Subscribe first, then read: what changes in between comes twice, and is not missed.
channel.subscribe(key)
first = client.get(key)
if first is None:
    print(key, "nothing is published there (yet)", flush=True)
else:
    show(first)
for message in channel.listen():
    show(message["data"])
