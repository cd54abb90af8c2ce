# qd-sampler 1: prints what /proc says every @EVERY@ seconds; ends with its stdin.
LC_ALL=C; export LC_ALL; unset POSIXLY_CORRECT
cd "${QD_PROC:-/proc}" || exit 1
# Where nobody says, a tick is what Linux tells every program: a hundredth of a second.
H=$(getconf CLK_TCK 2>/dev/null || echo 100); P=$(getconf PAGESIZE 2>/dev/null)
n=0; d=; w=; S=; N='
'
A='$1=="="{now=$2;next} !now{split($0,a," ");if(a[2]!="")old[a[1]]=a[2];else was=a[1];next}
{i=match($0,/.*\)/);if(!i)next;c=substr($0,1,RLENGTH);split(substr($0,RLENGTH+2),f," ");p=c;sub(/ .*/,"",p);k=p"."f[20];t=f[12]+f[13]
if(t>0){s=s k" "t"\n";if(was!=""){v=t-((k in old)?old[k]:0);if(v>0){D[p]=v;R[p]=f[22];sub(/^[^(]*\(/,"",c);sub(/\)$/,"",c);C[p]=c}}}}
END{o="";l="";for(j=0;j<10;j++){b="";m=0;for(p in D)if(D[p]>m){m=D[p];b=p}if(b=="")break;o=o b" "m" "R[b]" "C[b]"\n";l=l","b;delete D[b]}
printf "%s%s%s\n=\n%s\n%s",(was!="")?"window "(now-was)"\n":"",o,substr(l,2),now,s}'
while :; do
  echo "@@ files"
  grep -H -E '^(cpu|some)|^(Mem(Total|Free|Available)|Buffers|Cached|SReclaimable|Shmem|Swap(Total|Free)):|^[0-9]|^ +[0-9]+ +[0-9]+ |^ *[^ :]+: *[0-9]+ +[0-9]' \
    stat meminfo loadavg uptime net/dev diskstats pressure/cpu pressure/memory pressure/io 2>/dev/null
  if [ $((n % @TOP@)) = 0 ]; then
    O=$({ printf '%s' "$S"; read -r u _ <uptime; echo "= $u"; cat [0-9]*/stat 2>/dev/null; } | awk "$A" 2>/dev/null)
    case $O in *"$N=$N"*) T=${O%%"$N=$N"*}; S=${O#*"$N=$N"}$N;; *) T=; S=;; esac
    L=${T##*"$N"}; T=${T%"$N"*}
    if [ -n "$L" ]; then
      printf '@@ top\n%s\n' "$T"
      if [ -z "$w" ] || ! kill -0 "$w" 2>/dev/null; then
        # Some know no -p.
        { { ps -o pid= -o user= -o args= -p "$L" || ps -o pid,user,args | awk -v l=",$L," 'index(l,","$1",")'; } | while read -r l; do printf '@w %.300s\n' "$l"; done; } </dev/null 2>/dev/null & w=$!
      fi
    fi
  fi
  printf '@@ const\nhz %s\npage %s\n@@ date\n' "$H" "$P"
  date +%s.%N
  echo "@@ end"
  if [ $((n % @DF@)) = 0 ] && { [ -z "$d" ] || ! kill -0 "$d" 2>/dev/null; }; then
    # Some know no -l.
    { if df -P -l / >/dev/null; then z=-l; else z=; fi; for o in k i; do df -P $z -$o | while read -r l; do printf '@%s %.1000s\n' "$o" "$l"; done; done; echo "@k end"; } </dev/null 2>/dev/null & d=$!
  fi
  n=$((n + 1))
  if [ $n = 1 ]; then sleep 1; else sleep @EVERY@; fi
done
