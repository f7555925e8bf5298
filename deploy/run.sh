#!/usr/bin/env bash
# What `make run` does: certificates on first use, the server on SQLite, two bots; Ctrl-C ends all of it.
# Settings: IRC_PORT (6697), PLAIN_PORT (12345), HTTP_PORT (9167: health and metrics, where it is free; off), VAR (var), BOTS (which scripts). `python` is taken from PATH.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

IRC_PORT=${IRC_PORT:-6697}
PLAIN_PORT=${PLAIN_PORT:-12345}
HTTP_PORT=${HTTP_PORT:-9167}
VAR=${VAR:-var}
PYTHON=${PYTHON:-python}
server='' bots='' asked=0

# shellcheck disable=SC2086,SC2317 # none or one process each
again() { [ "$SECONDS" -gt $((asked + 1)) ] && kill -TERM $bots $server 2>/dev/null; } # a second Ctrl-C, not a double signal
# shellcheck disable=SC2317 # traps call it
stop() { # the bots first, so that their goodbyes are still heard; then the server, which drains within 10 s
    asked=$SECONDS
    trap again INT TERM HUP
    local process
    for process in $bots $server; do
        kill -TERM "$process" 2>/dev/null
        while kill -0 "$process" 2>/dev/null; do wait "$process" 2>/dev/null; done
    done
}
# shellcheck disable=SC2317
interrupted() { echo; stop; echo 'Parley has ended.'; exit 0; }
fail() { printf '%s\n' "$*" >&2; stop; exit 1; }
trap interrupted INT TERM HUP

"$PYTHON" deploy/ports.py "IRC_PORT=$IRC_PORT" "PLAIN_PORT=$PLAIN_PORT" "HTTP_PORT=$HTTP_PORT" || exit 1
# Nobody needs this one to chat: where it is taken, by another Parley say, there are no metrics of this one.
http=off
[ "$HTTP_PORT" != off ] && "$PYTHON" deploy/ports.py --free "$HTTP_PORT" && http=127.0.0.1:$HTTP_PORT

mkdir -p "$VAR" || exit 1
"$PYTHON" -m certs init "$VAR/certs" --host localhost --host 127.0.0.1 && "$PYTHON" -m certs renew "$VAR/certs" >/dev/null || exit 1

# Each in a process group of its own, so that Ctrl-C reaches only this script, and the order of ending is ours.
set -m
"$PYTHON" -m server --certs "$VAR/certs" --data "$VAR/data" --store sqlite \
    --listen "127.0.0.1:$IRC_PORT" --plain-listen "127.0.0.1:$PLAIN_PORT" --http-listen "$http" </dev/null &
server=$!

ready=''
for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || break
    "$PYTHON" -m server.health --ca "$VAR/certs/ca.pem" --address "localhost:$IRC_PORT" >/dev/null 2>&1
    status=$?
    if [ $status = 0 ]; then
        ready=yes
        break
    fi
    [ $status -lt 128 ] || interrupted # the terminal's Ctrl-C went to that process, not to us
    sleep 0.1 || interrupted
done
if [ -z "$ready" ]; then
    kill -0 "$server" 2>/dev/null && fail 'The server did not answer within a minute; its own words are above.'
    wait "$server"
    fail 'The server ended at once; its own words are above.'
fi

# shellcheck disable=SC2086 # several scripts
"$PYTHON" -m client.bot --address "localhost:$IRC_PORT" --ca "$VAR/certs/ca.pem" ${BOTS:-client/examples/conversation.toml} </dev/null &
bots=$!

# What is to be typed, from this folder. A link is long, so it has a line of its own.
ca=$(printf %q "$VAR/certs/ca.pem")
join='make client'
[ "$IRC_PORT" = 6697 ] || join+=" ADDRESS=localhost:$IRC_PORT"
[ "$VAR" = var ] || join+=" CA=$ca"
invitation=$("$PYTHON" -m server invite --certs "$VAR/certs" --host "localhost:$IRC_PORT" --room '#lobby' 2>/dev/null | tail -n +2 | sed 's/^/    /')
cat <<TEXT

Parley is up. Join #lobby from another terminal, in this folder:

    $join

or by an invitation, which names the server and whom to trust:

$invitation

or with any IRC client: localhost, port $IRC_PORT, TLS; the authority to trust is
$VAR/certs/ca.pem. In the plain dialect, a name first, then messages:

    openssl s_client -quiet -verify_return_error \\
        -CAfile $ca -connect localhost:$PLAIN_PORT

Ctrl-C ends it. Messages stay in $VAR/data.

TEXT

while wait "$server"; status=$?; kill -0 "$server" 2>/dev/null; do sleep 1; done # one that was stopped (SIGSTOP) has not ended
fail "The server ended (status $status); its own words are above."
