#!/usr/bin/env bash
# Installs berth into a folder of its own for the rest of the job. What is asked for comes in BERTH_VERSION and
# BERTH_PATH, never inside a script.
set -euo pipefail

prefix="$RUNNER_TEMP/berth"
mkdir -p "$prefix"

if [[ -n "$BERTH_PATH" ]]; then
  path=$(realpath -- "$BERTH_PATH")
  if [[ -d "$path" ]]; then
    # The lockfile's dependencies, no scripts of theirs; then the same package that npm would give.
    [[ -d "$path/node_modules" ]] || npm ci --ignore-scripts --no-audit --no-fund --prefix "$path"
    (cd -- "$path" && node scripts/build.ts)
    package="$prefix/$(cd -- "$path" && npm pack --ignore-scripts --silent --pack-destination "$prefix")"
  else
    package="$path"
  fi
elif [[ "$BERTH_VERSION" =~ ^[0-9A-Za-z][0-9A-Za-z.+-]*$ ]]; then
  package="berth@$BERTH_VERSION"
else
  printf '::error::Expected a version such as 0.4.0, or latest\n'
  exit 1
fi

npm install --prefix "$prefix" --ignore-scripts --no-audit --no-fund --no-save -- "$package"

printf '%s\n' "$prefix/node_modules/.bin" >>"$GITHUB_PATH"
version=$("$prefix/node_modules/.bin/berth" version --format version)
printf 'version=%s\n' "$version" >>"$GITHUB_OUTPUT"
printf 'berth %s\n' "$version"
