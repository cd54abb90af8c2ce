[ -f artisan ] || { echo 'no artisan here: nothing to do'; exit 0; }
for c in @COMMANDS@; do
  echo "artisan $c"
  php artisan $c --no-interaction --no-ansi || exit
done
