"""How many bad, odd and damaged files become what they should, by function, command line and folder; the slowest refusal, and the memory that refusals take.

    python benchmarks/bad_input.py [--json FILE]

The files and what must become of them stand in tests/bad_files.py."""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import argparse, json, subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tests'))
from bad_files import CASES, by_api, by_cli, complaint, from_record, make_all, program, refuse_all, state, tiny_model, wanted

def behaves(root):
    "For each door the number of cases that behave, that are asked, and the complaints"
    tiny_model(root/'m'); paths = make_all(root/'in'); before = state(root/'in'); found = {}
    for door, ask, model in (('api', by_api, root/'m'), ('cli', by_cli, root/'m')):
        found[door] = {}
        for c in CASES:
            out = root/'out.wav'; found[door][c.number] = ask(c, paths[c.number], out, model)[0]; out.unlink(missing_ok=True)
    code, _, err = program('convert', '--to', 'high', '--model', root/'m', '-o', root/'out', '--', root/'in', *(paths[c.number] for c in CASES if c.folder == 'named'))
    records = {os.fsencode(r['source']): r for r in map(json.loads, open(root/'out'/'results.jsonl'))}; found['folder'] = {}
    for c in CASES:
        if c.options: continue
        r = records.get(os.fsencode(paths[c.number]))
        why = complaint(wanted(c, 'convert'), from_record(r), os.path.basename(paths[c.number])) if r else '' if c.folder == 'absent' else 'no record'
        found['folder'][c.number] = [why] if why else []
    if code != 3: found['folder']['exit code'] = [f'{code}, not 3: {err}']
    if state(root/'in') != before: found['folder']['sources'] = ['were changed']
    return found, paths

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--json', type=Path); parser.add_argument('--child', nargs=2, help=argparse.SUPPRESS); args = parser.parse_args()
    if args.child: return print(json.dumps(refuse_all(args.child[0], json.loads(args.child[1]))))
    from audiostyle.core.show import table
    with tempfile.TemporaryDirectory(prefix='audiostyle-bad-') as d:
        found, paths = behaves(Path(d))
        done = subprocess.run([sys.executable, __file__, '--child', d, json.dumps({k: os.fsdecode(p) for k, p in paths.items()})], capture_output=True, text=True)
        if done.returncode: sys.exit(done.stderr)
        cost = json.loads(done.stdout.splitlines()[-1])
    rows = [{'door': door, 'cases': len(r), 'as specified': sum(not v for v in r.values())} for door, r in found.items()]
    print(table(rows))
    for door, r in found.items():
        for number, why in r.items(): print(f'{door} {number}: {why[0]}') if why else None
    print(f"{cost['refusals']} refusals; the slowest {', '.join(f'{s:.2f} s ({what})' for s, what in cost['slowest'])}; {cost['extra_mb']:.0f} MB beyond a conversion at most")
    if args.json: args.json.write_text(json.dumps(dict(doors=rows, **cost), indent=1))

if __name__ == '__main__': main()
