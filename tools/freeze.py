"""Freeze a finished run as a result: `python tools/freeze.py RUN_FOLDER NAME` writes nbs/95_results/NAME.ipynb and NAME.json.

The notebook is the executed copy with its outputs, the sounds of a comparison go beside it; only what differs between machines (paths, timings, progress bars) is dropped."""
import re, shutil, sys
from pathlib import Path
import nbformat
from notebooks import ROOT, source_sha, tidy, write

def homeless(text, run, name):
    "The text without this machine's folders: the run is runs/NAME, other models are runs/THEIRS/model."
    text = text.replace(str(run.resolve()), f'runs/{name}')
    text = re.sub(r'(?:/[\w.-]+)+/shared/data/', 'shared/data/', text)
    return re.sub(r'(?:/[\w.-]+)+/([\w.-]+/model)\b', r'runs/\1', re.sub(r'(?:/[\w.-]+)+/(audiostyle/weights/)', r'\1', text))

def main(run, name):
    run, out = Path(run), ROOT/'nbs'/'95_results'
    out.mkdir(exist_ok=True)
    text = lambda file: homeless((run/file).read_text(encoding='utf-8'), run, name)
    nb = nbformat.reads(text('executed.ipynb'), 4)
    for cell in nb.cells:
        if cell.cell_type != 'code': continue
        cell.outputs = [o for o in cell.outputs if not (o.output_type == 'stream' and o.name == 'stderr')]
        cell.metadata = type(cell.metadata)({k: v for k, v in cell.metadata.items() if k == 'tags'})
    nb.metadata.pop('papermill', None)
    nb.metadata['source_sha'] = source_sha(nb)
    write(tidy(nb), out/f'{name}.ipynb')
    (out/f'{name}.json').write_text(text('result.json'), encoding='utf-8')
    if (run/'side_by_side.ogg').exists(): shutil.copyfile(run/'side_by_side.ogg', out/f'{name}.ogg')
    print((out/f'{name}.ipynb').relative_to(ROOT), f"{(out/f'{name}.ipynb').stat().st_size//1024} kB")

if __name__ == '__main__': main(*sys.argv[1:])
