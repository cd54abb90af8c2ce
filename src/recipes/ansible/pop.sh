# What is left is forgotten: going back once more goes further back.
if [ -f .qd-versions ]; then
  awk -v v=@VERSION@ '{ l[NR] = $0; if ($0 == v) last = NR }
    END { n = last ? last : NR - 1; for (i = 1; i <= n; i++) print l[i]; if (!last) print v }' .qd-versions >.qd-versions.new &&
    mv .qd-versions.new .qd-versions
fi
