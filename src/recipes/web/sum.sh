sum() {
  if command -v sha256sum >/dev/null 2>&1; then cat "$@" | sha256sum
  elif command -v shasum >/dev/null 2>&1; then cat "$@" | shasum -a 256
  else cat "$@" | openssl dgst -sha256 -r; fi | cut -d ' ' -f 1
}
