#!/usr/bin/env bash
# Make the virtual environment $1 with the versions of lock.txt and torch.txt, and genbench in it.
# PYTHON names the interpreter, TORCH replaces torch.txt ("torch==2.13.0 --index-url URL").
# What the system lacks is installed through apt where that is allowed, else named in one line.
set -euo pipefail

venv=$1
python=${PYTHON:-python3}
cd "$(dirname "$0")/.."

source requirements/system.sh

install_system_packages() {
    local missing=()
    if has_apt; then
        mapfile -t missing < <(list_missing libusb-1.0-0 libgl1 libegl1 libgomp1 libx11-6)
        command -v "$python" >/dev/null || missing+=(python3)
        "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
        [ ${#missing[@]} -eq 0 ] || install_with_apt "${missing[@]}"
    fi
    command -v "$python" >/dev/null || fail "no $python: install Python 3.11, 3.12 or 3.13"
}

install_system_packages
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' ||
    fail "$("$python" --version) is not 3.11 to 3.13: run make PYTHON=python3.11 setup"

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv" || fail "cannot make $venv: install the package python3-venv"
fi
echo "Installing Python packages into $venv (a few minutes the first time)"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet)
"${pip[@]}" --require-hashes -r requirements/lock.txt
"${pip[@]}" ${TORCH:--r requirements/torch.txt} # several words on purpose
"${pip[@]}" --no-deps --no-build-isolation --editable .
