# What is left is forgotten: going back once more goes further back.
if [ -f .qd-tags ]; then
  awk -v t=@TO@ '{ l[NR] = $0; if ($0 == t) last = NR }
    END { n = last ? last : NR - 1; for (i = 1; i <= n; i++) print l[i]; if (!last) print t }' .qd-tags >.qd-tags.new &&
    mv .qd-tags.new .qd-tags
fi
