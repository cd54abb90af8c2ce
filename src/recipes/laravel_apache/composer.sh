[ -f composer.json ] || { echo 'no composer.json: nothing to install'; exit 0; }
composer install --no-dev --optimize-autoloader --no-interaction --no-progress --no-ansi
