#!/usr/bin/env bash
# Compiles an Objective-C program written for Apple's Foundation: compile.sh SOURCE PROGRAM
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
runtime=$(gcc -print-file-name=include)
libraries=$(dirname "$(gcc -print-file-name=libobjc.so)")
read -ra flags <<<"$(gnustep-config --objc-flags)"
read -ra libs <<<"$(gnustep-config --base-libs)"
# GNUstep's flags write a dependency file beside the program, and warn of what Apple allows.
clang -fblocks -fobjc-runtime=gcc "${flags[@]}" -w -I"$here" -idirafter "$runtime" -include "$here/apple.h" "$1" -o "$2" -L"$libraries" "${libs[@]}" -lBlocksRuntime
