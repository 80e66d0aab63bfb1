"""The questions that a ring is asked, asked of others: DuckDB on the same segments, SQLite and JSON lines with zstd on
some of the same events. Arguments: ring, place for files, address, from, to, events for SQLite and JSON, runs."""
import json, os, sqlite3, subprocess, sys, time

import duckdb

ring, place, address, begin, end, few, runs = sys.argv[1:]
few, runs = int(few), int(runs)
os.makedirs(place, exist_ok=True)
rows = []


def row(name, unit, samples):
    rows.append({"name": name, "unit": unit, "samples": samples})


def timed(act):
    act()
    samples = []
    for _ in range(runs):
        since = time.perf_counter()
        act()
        samples.append((time.perf_counter() - since) * 1e3)
    return samples


segments = f"read_parquet('{ring}/segment-*.parquet')"
duck = duckdb.connect(config={"temp_directory": f"{place}/duckdb"})
duck.execute("set threads = 1")
duck.execute("set enable_progress_bar = false")
question = f"select id, epoch_us(time), process, remote_port from {segments} where kind = 'flow' and remote_address = '{address}'"
within = f" and time between '{begin}' and '{end}'"


def ask(sql):
    assert duck.execute(sql).fetchall(), sql


row("duckdb_question_warm", "ms", timed(lambda: ask(question + within)))
row("duckdb_search_warm", "ms", timed(lambda: ask(question)))

# The same columns of the first events in SQLite, with the index that the question wants.
columns = ["id", "time", "kind", "process", "protocol", "direction", "state", "local_port", "remote_address",
           "remote_port", "packets", "bytes", "bytes_received"]
taken = duck.execute(
    f"select {', '.join('epoch_us(time)' if c == 'time' else c for c in columns)} from {segments} "
    f"where kind = 'flow' order by id limit {few}").fetchall()
path = os.path.join(place, "events.sqlite")
store = sqlite3.connect(path)
store.execute("pragma journal_mode = wal")
store.execute(f"create table events ({', '.join(columns)})")
store.execute("create index by_remote on events (remote_address, time)")
since = time.process_time()
for at in range(0, len(taken), 1000):
    store.executemany(f"insert into events values ({', '.join('?' * len(columns))})", taken[at:at + 1000])
    store.commit()
row("sqlite_append_cpu", "ns/event", [(time.process_time() - since) * 1e9 / len(taken)])
store.execute("pragma wal_checkpoint(truncate)")
row("sqlite_bytes_per_event", "bytes", [os.path.getsize(path) / len(taken)])
some = taken[len(taken) // 2][8]
row("sqlite_question_warm", "ms", timed(
    lambda: store.execute("select id, time, process from events where remote_address = ?", [some]).fetchall()))

# And as JSON lines with zstd, which is searched from end to end.
lines = os.path.join(place, "events.jsonl.zst")
with subprocess.Popen(["zstd", "-q", "-3", "-f", "-o", lines], stdin=subprocess.PIPE) as zstd:
    for event in taken:
        zstd.stdin.write((json.dumps(dict(zip(columns, event))) + "\n").encode())
    zstd.stdin.close()
row("json_zstd_bytes_per_event", "bytes", [os.path.getsize(lines) / len(taken)])
row("json_zstd_search_warm", "ms", timed(
    lambda: subprocess.run(f"zstd -dcq '{lines}' | grep -c '\"{some}\"'", shell=True, check=True, stdout=subprocess.PIPE)))
print(json.dumps(rows))
