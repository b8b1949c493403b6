"""Find a Chromium for the browser tests, or try to get one; never fail.

    python tools/browser.py            print its path, after trying the system's packages (as root) and Playwright's own download
    python tools/browser.py --find     only look"""
import os, shutil, subprocess, sys
from pathlib import Path

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'headless_shell')
ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required']

def find():
    "Path of a Chromium: the one named by AUDIOSTYLE_CHROMIUM, one on PATH, or Playwright's; None where there is none"
    if (named := os.environ.get('AUDIOSTYLE_CHROMIUM')): return named
    if (found := next(filter(None, map(shutil.which, NAMES)), None)): return found
    try:
        from playwright.sync_api import sync_playwright
        with sync_playwright() as p: return p.chromium.executable_path if Path(p.chromium.executable_path).exists() else None
    except Exception: return None

def attempt(*command, seconds=300):
    "Run a command that may fail; its output goes to standard error"
    try: return subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, timeout=seconds, env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}).returncode == 0
    except (OSError, subprocess.TimeoutExpired): return False

def get():
    "A Chromium, installed if need be: from Debian's packages when root, else Playwright's own"
    if found := find(): return found
    if hasattr(os, 'geteuid') and os.geteuid() == 0 and shutil.which('apt-get'):
        attempt('apt-get', '-q', 'update', seconds=120) and attempt('apt-get', '-qy', '--no-install-recommends', 'install', 'chromium')
    return find() or attempt(sys.executable, '-m', 'playwright', 'install', 'chromium') and find() or None

if __name__ == '__main__': print((find if '--find' in sys.argv else get)() or 'no Chromium to be had: the browser tests will skip')
