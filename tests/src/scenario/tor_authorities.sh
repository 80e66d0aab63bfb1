# A Tor network of its own: three directory authorities, which are its relays, too. Called with a folder for them.
set -eu
d=$1
mkdir -p "$d"
printf '%s\n' 'TestingTorNetwork 1' 'AssumeReachable 1' 'PathsNeededToBuildCircuits 0.25' >"$d/common"
for n in 1 2 3; do
    mkdir -p -m 0700 "$d/$n/keys"
    echo secret | tor-gencert --create-identity-key --passphrase-fd 0 -m 12 -a 198.51.100.20:700$n \
        -i "$d/$n/keys/authority_identity_key" -s "$d/$n/keys/authority_signing_key" \
        -c "$d/$n/keys/authority_certificate" >/dev/null 2>&1
    print=$(tor --ignore-missing-torrc -f "$d/none" --list-fingerprint --ORPort 1 --DirAuthority \
        "x 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff" --DataDirectory "$d/$n" --Nickname auth$n --quiet \
        | tail -n 1 | cut -d' ' -f2- | tr -d ' ')
    ident=$(sed -n 's/^fingerprint //p' "$d/$n/keys/authority_certificate")
    echo "DirAuthority auth$n orport=900$n no-v2 v3ident=$ident 198.51.100.20:700$n $print" >>"$d/common"
done
for n in 1 2 3; do
    cat "$d/common" - >"$d/$n/torrc" <<END
DataDirectory $d/$n
Nickname auth$n
Address 198.51.100.20
ContactInfo auth$n@example.com
ORPort 900$n
DirPort 700$n
SocksPort 0
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
ExitRelay 1
ExitPolicy accept *:*
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
V3AuthVotingInterval 20
V3AuthVoteDelay 4
V3AuthDistDelay 4
TestingV3AuthInitialVotingInterval 20
TestingV3AuthInitialVoteDelay 4
TestingV3AuthInitialDistDelay 4
END
    tor -f "$d/$n/torrc" >"$d/$n.log" 2>&1 &
done
echo ready
wait
