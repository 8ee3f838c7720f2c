# Functions for scripts that install what the system lacks; to be sourced.

fail() {
    echo "genbench: $1" >&2
    exit 1
}

has_apt() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null
}

list_missing() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null |
            grep -q 'ok installed' || echo "$package"
    done
}

install_with_apt() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "please install: sudo apt-get install $*"
        as_root=(sudo -n)
    fi
    echo "Installing $* through apt"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y \
        --no-install-recommends "$@" >/dev/null
}
