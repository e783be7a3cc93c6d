#!/bin/sh
# Put the jars of Spark's server into the folder named: the tests start it. Only they are taken from the package, whose
# Python part is not used; building all of it would take minutes.
set -eu
pip=$1 lock=$2 folder=$3

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "setup: Spark server"
"$pip" download --quiet --disable-pip-version-check --no-deps --no-cache-dir --require-hashes -r "$lock" -d "$scratch"
tar -xzf "$scratch"/pyspark-*.tar.gz -C "$scratch" --wildcards 'pyspark-*/deps/jars/*'
rm -rf "$folder/jars"
mkdir -p "$folder"
mv "$scratch"/pyspark-*/deps/jars "$folder/jars"
