# The SIP library of browser phones: SIP.js (MIT), plain ES modules that a browser loads as they are. Sourced by scripts/setup, never run.

sip_js=0.21.2
sip_js_sha512=b52a9370882b39dd8884ffeb77bd0969b96f029f9f49f2d2c4ee2118d63a2e459163548aca04ceeceb49115fc141bf28231b4c471d0b13b9d417631aa866c5cc
sip_js_folder=voicebot/desk/static/vendor/sip.js

# Whether the pinned version lies there whole.
has_web_phone() { [[ "$(cat "$sip_js_folder/VERSION" 2>/dev/null)" == "$sip_js" ]]; }

# Fetches the package as npm does, checks it against the hash above, and unpacks it beside the desk's own scripts.
add_web_phone() {
    local partial=$sip_js_folder.partial
    rm -rf "$partial"
    mkdir -p "$partial"
    fetch_sip_js "$partial/package.tgz"
    echo "$sip_js_sha512  $partial/package.tgz" | sha512sum --check --status || {
        echo "the SIP library is not the one that was pinned; try again, or ask who runs the registry"
        return 1
    }
    tar --extract --gzip --file "$partial/package.tgz" --directory "$partial" --strip-components=1 --no-same-owner
    rm "$partial/package.tgz"
    echo "$sip_js" >"$partial/VERSION"
    rm -rf "$sip_js_folder"
    mv "$partial" "$sip_js_folder"
}

# fetch_sip_js FILE: by npm, which knows this machine's registry.
fetch_sip_js() {
    command -v npm >/dev/null || { echo "npm is missing; install it (Debian: npm) for browser phones"; return 1; }
    mv "$(dirname "$1")/$(npm pack --silent --pack-destination "$(dirname "$1")" "sip.js@$sip_js" 2>/dev/null | tail -n 1)" "$1"
}
