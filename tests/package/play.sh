#!/usr/bin/env bash
# Plays what an administrator does with the package, on the machine that `run` makes.
set -Eeuo pipefail
deb=$1
config=/etc/allspark/allspark.toml
trap 'tell_of_failure $LINENO' ERR

tell_of_failure() {
    trap - ERR
    echo "play.sh: failed in line $1"
    journalctl --sync
    journalctl --no-pager --output cat --lines 25
    exit 1
}

step() {
    printf -- '-- %s\n' "$1"
}

# is WHAT EXPECTED ACTUAL
is() {
    [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'"; false; }
}

refuses() {
    ! "$@" >/dev/null 2>&1 || { echo "this should fail: $*"; false; }
}

property() {
    systemctl show --value --property "$1" allspark
}

# What the service has logged since it was started last contains this.
logged() {
    for _ in $(seq 600); do
        journalctl --sync
        if journalctl --unit allspark --output cat --no-pager | grep -q -- "$1"; then
            return 0
        fi
        sleep 0.1
    done
    echo "the log does not say: $1"
    journalctl --unit allspark --output cat --no-pager
    false
}

installs() {
    step "it installs, and serves as a user of its own"
    dpkg --install "$deb" >/dev/null
    is active active "$(systemctl is-active allspark)"
    is enabled enabled "$(systemctl is-enabled allspark)"
    is health "200 OK" "$(allspark health --config $config)"
    is user allspark "$(ps --no-headers -o user "$(property MainPID)")"
    is folder "root:allspark 750" "$(stat -c '%U:%G %a' /etc/allspark)"
    is options "root:allspark 640" "$(stat -c '%U:%G %a' $config)"
    is state "allspark 750" "$(stat -c '%U %a' /var/lib/allspark)"
    refuses runuser -u nobody -- cat $config
    # Strangers are not told how it is.
    refuses allspark health http://127.0.0.1:8080
    man --path allspark >/dev/null || is manual "" "$(man --path allspark 2>&1)"
}

reloads() {
    step "it reloads without a new process"
    local before
    before=$(property MainPID)
    systemctl reload allspark
    is health "200 OK" "$(allspark health --config $config)"
    is process "$before" "$(property MainPID)"
}

rotates() {
    step "its access log is rotated"
    local log=/var/log/allspark/access.log
    cp $config /tmp/config
    printf '[access-log]\nfile = "%s"\n' $log >>$config
    systemctl restart allspark
    allspark health --config $config >/dev/null
    has_line $log
    if command -v logrotate >/dev/null; then
        logrotate --force /etc/logrotate.d/allspark
    else
        mv $log $log.1
        systemctl kill --signal=USR1 allspark.service
    fi
    for _ in $(seq 100); do
        allspark health --config $config >/dev/null
        [ ! -s $log ] || break
        sleep 0.1
    done
    has_line $log
    has_line $log.1
    cp /tmp/config $config
    systemctl restart allspark
}

# A file of the access log that somebody has asked about health in.
has_line() {
    for _ in $(seq 100); do
        ! grep -q /healthz "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "$1 has no line of it"
    false
}

refuses_nonsense() {
    step "a wrong option keeps it from starting, once"
    cp $config /tmp/config
    echo 'lisen = "1"' >>$config
    refuses systemctl restart allspark
    is failed failed "$(systemctl is-failed allspark || true)"
    is "exit code" 2 "$(property ExecMainStatus)"
    is restarts 0 "$(property NRestarts)"
    logged lisen
    cp /tmp/config $config
    echo "# a line of the administrator's" >>$config
    systemctl restart allspark
}

starts_again() {
    step "it is started again when it was killed"
    # systemd counts the starts of the steps before, and would soon refuse another one.
    systemctl reset-failed allspark
    kill -KILL "$(property MainPID)"
    for _ in $(seq 600); do
        [ "$(property NRestarts)" = 0 ] || break
        sleep 0.1
    done
    for _ in $(seq 600); do
        ! allspark health --config $config >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "it is not started again"
    false
}

drains() {
    step "it drains: its clients are told, and it ends well"
    node /tmp/repository/tests/package/client.js >/tmp/client &
    local client=$!
    for _ in $(seq 600); do
        ! grep -q open /tmp/client || break
        sleep 0.1
    done
    systemctl stop allspark
    wait $client
    is client "open closed" "$(xargs </tmp/client)"
    is result "success 0" "$(property Result) $(property ExecMainStatus)"
    systemctl start allspark
}

upgrades() {
    step "an upgrade restarts it and keeps the administrator's options"
    local before
    before=$(property MainPID)
    dpkg --install "$deb" >/dev/null
    is active active "$(systemctl is-active allspark)"
    [ "$before" != "$(property MainPID)" ]
    grep -q "a line of the administrator's" $config
    systemctl disable --quiet allspark
    dpkg --install "$deb" >/dev/null
    is "still disabled" disabled "$(systemctl is-enabled allspark || true)"
}

uninstalls() {
    step "it uninstalls: first all but the options, then those"
    dpkg --remove allspark >/dev/null
    refuses systemctl is-active allspark
    [ ! -e /usr/bin/allspark ] && [ -e $config ] && [ -d /var/lib/allspark ]
    dpkg --purge allspark >/dev/null
    [ ! -e /etc/allspark ] && [ ! -e /var/lib/allspark ] && [ ! -e /var/log/allspark ]
    is left "" "$(find /etc/logrotate.d /etc/systemd /lib/systemd /var/lib/systemd -name '*allspark*')"
}

installs
reloads
rotates
refuses_nonsense
starts_again
drains
upgrades
uninstalls
echo "the package does what it says"
