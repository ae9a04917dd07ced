#!/usr/bin/env bash
# A script of the old school on curl: it keeps cookies of its host, follows redirects, gives up after 10 s of silence, and asks for 100 Continue
# before it uploads.
set -euo pipefail

api=$BASE_URL/amsu-analysis/v2
cookies=$(mktemp)
trap 'rm -f "$cookies"' EXIT
# The shared session has a cookie of another server on this host: cookies know no ports.
printf '# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tneighbour\tcookie-of-another-app\n' >"$cookies"

# Prints the response, and sets $body to its body.
send() {
  local step=$1 path=$2 result
  shift 2
  result=$(curl -q --silent --show-error --http1.1 --compressed --location --user-agent 'Recorder/7 CFNetwork/1240.0.4 Darwin/20.6.0' \
    --connect-timeout 10 --speed-limit 1 --speed-time 10 --cookie "$cookies" --cookie-jar "$cookies" \
    --write-out '\n%{http_code}' "$@" "$api$path")
  body=${result%$'\n'*}
  printf '{"step":"%s","status":%s,"body":%s}\n' "$step" "${result##*$'\n'}" "$body"
}

# Sets $access and $refresh from the last response.
take_tokens() {
  access=$(sed -nE 's/.*"access_token" *: *"([^"]+)".*/\1/p' <<<"$body")
  refresh=$(sed -nE 's/.*"refresh_token" *: *"([^"]+)".*/\1/p' <<<"$body")
  [[ -n $access && -n $refresh ]] || { echo "there are no tokens in $body" >&2; exit 1; }
}

calorie() {
  send "$1" /calorie/running/results/ --request POST --header "Authorization: Bearer $access" --header 'Content-Type: application/json' \
    --data "{\"height\":172,\"weight\":66.5,\"age\":41,\"gender\":1,\"hr\":$2,\"cadence\":168,\"waistline\":82,\"body_fat\":17.5}"
}

send token /token --request POST --data-urlencode "client_id=$CLIENT_ID" --data-urlencode "client_secret=$CLIENT_SECRET"
take_tokens
send times /available-times --header "Authorization: Bearer $access"
send redirect /available-times/ --header "Authorization: Bearer $access"
send renewal /token --request PUT --data-urlencode "refresh_token=$refresh"
take_tokens
calorie calorie 148
send refreshment /token/refreshment --request POST --data-urlencode "refresh_token=$refresh"
take_tokens
send rr-list /hrv/rr-list/ --verbose --header "Authorization: Bearer $access" --header 'Expect: 100-continue' --expect100-timeout 5 \
  --form "ecg_file=@$ECG_FILE;filename=recording.ecg;type=application/octet-stream" --form model=offline --form device=V6
calorie 'bad field' 7

send 'no authorization' /available-times
send 'wrong secret' /token --request POST --data-urlencode "client_id=$CLIENT_ID" --data-urlencode "client_secret=not-$CLIENT_SECRET"
