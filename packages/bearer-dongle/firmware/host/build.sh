#!/bin/sh
# Builds the dongle for this computer: `sh build.sh FOLDER [-g -fsanitize=address,undefined …]`.
# FOLDER gets mfd-harness (a dongle on a pseudo-terminal) and mfd-script (one that does what standard input says).
# Prints the paths of both. Needs a C compiler: $CC, gcc by default.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
folder=$1
shift
mkdir -p "$folder"
build() {
	program=$1
	shift
	"${CC:-gcc}" -std=c11 -O2 -Wall -Wextra -Werror -Wconversion -Wshadow -pedantic "$@"
	echo "$program"
}
core="$here/../core"
set -- "$@" "$core/mfd.c" "$core/mfd_frame.c" "$core/mfd_output.c" "$core/mfd_queue.c"
build "$folder/mfd-harness" "$@" "$here/harness.c" "$here/air.c" "$here/line.c" -o "$folder/mfd-harness"
build "$folder/mfd-script" "$@" "$here/script.c" -o "$folder/mfd-script"
