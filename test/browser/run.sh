#!/usr/bin/env bash
# Opens the status page in Debian's Chromium: `npm run test:browser` tests it, `npm run screenshots` makes the images of the documents.
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

needs chromium test -x /usr/bin/chromium
# Chinese would be drawn as boxes.
needs fonts-wqy-zenhei test -e /usr/share/fonts/truetype/wqy/wqy-zenhei.ttc
install_missing

case ${1:-suite} in
  suite) for suite in test/browser/*.suite.ts; do node --import tsx "$suite"; done ;;
  screenshots) node --import tsx test/browser/screenshots.ts ;;
  *) fail "unknown: $1" ;;
esac
