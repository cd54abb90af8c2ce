set -u
cd @PATH@ || exit 66
@ENGINE@ compose --ansi=never @FILES@ @VERB@ @SERVICE@
