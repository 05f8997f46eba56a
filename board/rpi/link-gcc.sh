#!/bin/sh
# Links the static program for arm64; by its name rustc knows what kind of linker it is. For this target rustc asks for a
# program at a fixed address, which post-build.sh refuses; all that goes in is position-independent, so it is only a
# matter of asking otherwise.
for arg; do
	shift
	case $arg in
	-no-pie | -static) ;;
	*) set -- "$@" "$arg" ;;
	esac
done
exec aarch64-linux-gnu-gcc -static-pie "$@"
