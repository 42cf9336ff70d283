// Logarithms and powers of two bit for bit as Go computes them on amd64, where interpolated answers
// must equal Prometheus's to the last digit. The C library's are closer to the truth and so differ
// at times.
#pragma once

namespace tributary::model {

// FreeBSD's algorithm (e_log.c), as in Go's math.Log. Right for denormals, where Go's is not.
double GoLog(double x);
// math.Log2: exact for powers of two.
double GoLog2(double x);
// math.Exp2.
double GoExp2(double x);

}  // namespace tributary::model
