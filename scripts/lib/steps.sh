# What scripts/setup is made of: messages, apt, the Asterisk tree. Sourced, never run.

started_s=$SECONDS
elapsed() { echo $((SECONDS - started_s)); }
say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# step TEXT COMMAND…: says what it does, does it, says how long it took; a failure shows what the command printed last.
step() {
    local text=$1 begun_s=$SECONDS log
    shift
    log=$(mktemp)
    say "$text ..."
    if ! "$@" >"$log" 2>&1; then
        tail -n 25 "$log" | cut -c 1-300 >&2
        rm -f "$log"
        fail "failed: $text"
    fi
    rm -f "$log"
    say "  done in $((SECONDS - begun_s)) s"
}

# apt_install PACKAGE…: as root, by sudo, or not at all but with the command to type.
apt_install() {
    local as_root=()
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || {
            echo "this account may not install packages; run as root, then scripts/setup again:"
            echo "    apt-get update && apt-get install --no-install-recommends $*"
            return 1
        }
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@"
}

# build_tree FOLDER: unpacks a minimal Debian with Asterisk there. Through tar, so that every file belongs to this account.
build_tree() {
    local folder=$1
    mkdir "$folder"
    mmdebstrap --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
        --include=asterisk,asterisk-core-sounds-en,ca-certificates sid - |
        tar --extract --directory "$folder" --no-same-owner --exclude=./dev --exclude=./var/cache/apt --exclude=./var/lib/apt
    in_tree "$folder" -V
}

# in_tree FOLDER ARGUMENT…: runs the tree's Asterisk with the tree's own loader and libraries; no chroot, no root.
in_tree() {
    local folder=$1 loader library
    shift
    loader=$(compgen -G "$folder/lib*/ld-linux-*.so.*" | head -n 1)
    library=$(compgen -G "$folder/usr/lib/*/asterisk/modules" | head -n 1)
    library=${library%/asterisk/modules}
    [[ -n "$loader" && -n "$library" ]] && "$loader" --library-path "$library:$folder/usr/lib" "$folder/usr/sbin/asterisk" "$@"
}

# The version of the Asterisk that `voicebot pbx` would run; fails where there is none.
asterisk_version() {
    { if [[ -e .asterisk ]]; then in_tree .asterisk -V; else /usr/sbin/asterisk -V; fi; } 2>/dev/null |
        sed -nE 's/^Asterisk (certified[-\/])?([0-9.]*[0-9]).*/\2/p' | grep .
}

# Whether there is an Asterisk that is recent enough (20.18, 22.8, 23.2): the tree, or the machine's own.
has_asterisk() {
    local major minor
    IFS=. read -r major minor _ < <(asterisk_version) || return 1
    case $major in
    20) [[ ${minor:-0} -ge 18 ]] ;;
    22) [[ ${minor:-0} -ge 8 ]] ;;
    23) [[ ${minor:-0} -ge 2 ]] ;;
    *) [[ $major -gt 23 ]] ;;
    esac
}
