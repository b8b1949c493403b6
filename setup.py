"Package metadata is read from settings.ini (nbdev's single source of truth)."
import json
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
RECIPES = 'nbs/85_recipes'
EXTRAS = ('world', 'synth', 'studio', 'sweep', 'docs', 'dev')

parser = ConfigParser(delimiters=['=']); parser.read(ROOT/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']

class BuildWithRecipes(build_py):
    "Put the recipe notebooks, their outputs left out, into the package as `audiostyle/recipes`; a checkout reads them where they are."
    def recipes(self): return {src: Path(self.build_lib)/'audiostyle'/'recipes'/src.name for src in sorted((ROOT/RECIPES).glob('*.ipynb'))}
    def run(self):
        super().run()
        if self.editable_mode: return
        for src, dst in self.recipes().items():
            nb = json.loads(src.read_text(encoding='utf-8'))
            for cell in nb['cells']:
                if cell['cell_type'] == 'code': cell.update(outputs=[], execution_count=None)
            dst.parent.mkdir(parents=True, exist_ok=True)
            dst.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True)+'\n', encoding='utf-8')
    def get_outputs(self, include_bytecode=True): return super().get_outputs(include_bytecode) + [str(p) for p in self.recipes().values()]

extras = {name: cfg[f'{name}_requirements'].split() for name in EXTRAS}
extras['all'] = sorted({r for name in EXTRAS if name != 'dev' for r in extras[name]})

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license='Apache-2.0', license_files=['LICENSE'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], keywords=cfg['keywords'].split(),
    long_description=(ROOT/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    packages=find_packages(include=['audiostyle', 'audiostyle.*']), package_data={'audiostyle': ['weights/**/*']}, include_package_data=False,
    install_requires=cfg['requirements'].split(), extras_require=extras, python_requires='>='+cfg['min_python'], zip_safe=False,
    entry_points={'console_scripts': cfg['console_scripts'].split(), 'nbdev': [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
    cmdclass={'build_py': BuildWithRecipes},
)
