"Sphinx settings of the documentation; `tools/docs.py` calls Sphinx with the pages that it has made from the notebooks."
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT/'tools'))
from docs import mathjax

parser = ConfigParser(delimiters=['=']); parser.read(ROOT/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
project, author, release, copyright = cfg['title'], cfg['author'], cfg['version'], cfg['copyright']
root_doc = 'index'
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx_design']
exclude_patterns = ['.*', '**/.*']

nb_execution_mode = 'off'            # the notebooks bring their outputs
nb_merge_streams = True
nb_ipywidgets_js = {}                # the default loads a script from elsewhere
nb_code_prompt_show = 'Show the source'
nb_code_prompt_hide = 'Hide the source'
myst_enable_extensions = ['dollarmath', 'amsmath', 'attrs_inline', 'deflist', 'colon_fence']
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings = ['myst.header', 'myst.xref_missing', 'misc.highlighting_failure', 'mystnb.unknown_mime_type', 'mystnb.mime_priority']

html_theme = 'sphinx_book_theme'
html_title = cfg['title']
html_theme_options = dict(use_download_button=False, use_fullscreen_button=False, show_toc_level=2, home_page_in_toc=True, show_navbar_depth=1, navigation_with_keys=True, navbar_persistent=[])
html_context = dict(default_mode='auto')
html_static_path = [str(mathjax()), str(Path(__file__).with_name('audiostyle.css'))]
html_css_files = ['audiostyle.css']
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None         # the same notebooks give the same pages
mathjax_path = mathjax().name
