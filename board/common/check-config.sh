#!/bin/sh
# check-config.sh CONFIG FRAGMENT...: fails with a line for every symbol that the fragments ask for and the final
# configuration does not have. Kconfig drops what lacks a dependency without a word. Of two fragments the later wins.
set -eu
config=$1
shift
sed -n -e 's/^\(CONFIG_[A-Z0-9_a-z]*\)=.*/&/p' -e 's/^# \(CONFIG_[A-Z0-9_a-z]*\) is not set$/\1=n/p' "$@" |
awk -v config="$config" '
BEGIN {
	while ((getline line < config) > 0) {
		at = index(line, "=")
		if (line ~ /^CONFIG_/ && at) have[substr(line, 1, at - 1)] = substr(line, at + 1)
	}
}
{
	at = index($0, "=")
	name = substr($0, 1, at - 1)
	if (!(name in want)) names[++count] = name
	want[name] = substr($0, at + 1)
}
END {
	for (i = 1; i <= count; i++) {
		name = names[i]
		is = name in have ? have[name] : "n"
		if (is != want[name]) { print name " is " is ", wanted: " want[name]; missing = 1 }
	}
	exit missing
}'
