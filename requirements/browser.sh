#!/usr/bin/env bash
# Install the browser that the tests of the page drive; without it they are skipped, and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
source requirements/system.sh

if has_apt; then
    mapfile -t missing < <(list_missing chromium chromium-driver)
    [ ${#missing[@]} -eq 0 ] || (install_with_apt "${missing[@]}") ||
        echo "genbench: no browser: the tests of the page will be skipped" >&2
fi
