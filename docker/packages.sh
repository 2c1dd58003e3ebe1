#!/bin/sh
# GROUP... -> the packages of these groups of packages.txt, one per line
awk -v wanted=" $* " '/^\[/ { group = substr($1, 2, length($1) - 2); next }
  { sub(/#.*/, "") } NF && index(wanted, " " group " ") { print $1 }' "$(dirname "$0")/packages.txt" | sort -u
