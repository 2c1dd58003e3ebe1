# Debian's default OpenBLAS fights the OpenMP threads of LibTorch (5x slower); see docs/operating.md.
for name in libblas.so.3 liblapack.so.3 libopenblas.so.0; do
  target=$(find /usr/lib/*/openblas-openmp -name "$name" 2>/dev/null | head -n 1)
  multiarch=$(basename "$(dirname "$(dirname "$target")")")
  [ -z "$target" ] || update-alternatives --quiet --set "$name-$multiarch" "$target"
done
