set -u
cd @PATH@ || exit 66
# The variable goes before the file: nothing is changed until the image is here.
if ! @ENGINE_SET@ compose --ansi=never @FILES@ pull --quiet @SERVICE@; then
  [ -n @IMAGE@ ] && @ENGINE@ image inspect @IMAGE@ >/dev/null 2>&1 || exit 69
  echo 'it cannot be pulled; the image is here already'
fi
