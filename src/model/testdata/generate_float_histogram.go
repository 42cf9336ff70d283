// Writes what Prometheus's own model/histogram answers to random questions, one a line, for
// golden_test.cc. Run inside a copy of the prometheus module: go run . SEED COUNT
package main

import (
	"fmt"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
)

type fh = histogram.FloatHistogram

func num(f float64) string { return strconv.FormatUint(math.Float64bits(f), 16) }

func nums(fs []float64) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = num(f)
	}
	return strings.Join(s, ",")
}

func spans(ss []histogram.Span) string {
	s := make([]string, len(ss))
	for i, x := range ss {
		s[i] = fmt.Sprintf("%d:%d", x.Offset, x.Length)
	}
	return strings.Join(s, ",")
}

func text(h *fh) string {
	return fmt.Sprintf("%d;%d;%s;%s;%s;%s;%s;%s;%s;%s;%s", h.CounterResetHint, h.Schema, num(h.ZeroThreshold), num(h.ZeroCount),
		num(h.Count), num(h.Sum), spans(h.PositiveSpans), nums(h.PositiveBuckets), spans(h.NegativeSpans), nums(h.NegativeBuckets), nums(h.CustomValues))
}

func side(r *rand.Rand, firstMin int, fraction bool) ([]histogram.Span, []float64) {
	var ss []histogram.Span
	var bs []float64
	for n := r.Intn(4); n > 0; n-- {
		s := histogram.Span{Offset: int32(r.Intn(5)), Length: uint32(1 + r.Intn(4))}
		if len(ss) == 0 {
			s.Offset = int32(firstMin + r.Intn(8))
		}
		ss = append(ss, s)
		for i := uint32(0); i < s.Length; i++ {
			v := float64(r.Intn(6))
			if r.Intn(3) == 0 {
				v = 0
			}
			if fraction {
				v *= 0.1
			}
			bs = append(bs, v)
		}
	}
	return ss, bs
}

func random(r *rand.Rand, custom bool) *fh {
	h := &fh{CounterResetHint: histogram.CounterResetHint(r.Intn(4))}
	if r.Intn(2) == 0 {
		h.CounterResetHint = 0
	}
	fraction := r.Intn(2) == 0
	if custom {
		h.Schema = histogram.CustomBucketsSchema
		b := float64(r.Intn(3)) - 2
		for n := 20; n > 0; n-- {
			if r.Intn(4) > 0 {
				h.CustomValues = append(h.CustomValues, b)
			}
			b++
		}
		h.PositiveSpans, h.PositiveBuckets = side(r, 0, fraction)
		total := 0
		for _, s := range h.PositiveSpans {
			total += int(s.Offset) + int(s.Length)
		}
		if total > len(h.CustomValues)+1 {
			h.PositiveSpans, h.PositiveBuckets = nil, nil
		}
	} else {
		h.Schema = int32(r.Intn(5)) - 1
		if r.Intn(8) == 0 {
			h.Schema = int32(r.Intn(13)) - 4
		}
		h.ZeroThreshold = []float64{0, 0.001, 0.25, 0.5, 1, 1.7}[r.Intn(6)]
		h.ZeroCount = float64(r.Intn(4))
		h.PositiveSpans, h.PositiveBuckets = side(r, -6, fraction)
		h.NegativeSpans, h.NegativeBuckets = side(r, -6, fraction)
	}
	h.Count = h.ZeroCount
	for _, b := range h.PositiveBuckets {
		h.Count += b
	}
	for _, b := range h.NegativeBuckets {
		h.Count += b
	}
	h.Sum = float64(r.Intn(1000)) / 7
	return h
}

// Another histogram that looks like h a little later, or earlier.
func alike(r *rand.Rand, h *fh) *fh {
	c := h.Copy()
	c.CounterResetHint = histogram.CounterResetHint(r.Intn(5) % 4)
	for i := range c.PositiveBuckets {
		c.PositiveBuckets[i] += float64(r.Intn(3))
	}
	for i := range c.NegativeBuckets {
		c.NegativeBuckets[i] += float64(r.Intn(3))
	}
	if r.Intn(3) == 0 && len(c.PositiveBuckets) > 0 {
		c.PositiveBuckets[r.Intn(len(c.PositiveBuckets))]--
	}
	c.Count += 10
	if !c.UsesCustomBuckets() && r.Intn(3) == 0 && c.Schema > -4 {
		c = c.CopyToSchema(c.Schema - 1)
	}
	if !c.UsesCustomBuckets() && r.Intn(4) == 0 {
		c.ZeroThreshold *= 2
		c.ZeroCount += 3
	}
	return c
}

func main() {
	seed, _ := strconv.Atoi(os.Args[1])
	count, _ := strconv.Atoi(os.Args[2])
	r := rand.New(rand.NewSource(int64(seed)))
	for i := 0; i < count; i++ {
		custom := r.Intn(3) == 0
		a, b := random(r, custom), random(r, custom)
		if r.Intn(3) == 0 {
			b = alike(r, a)
		}
		if custom && r.Intn(2) == 0 && len(b.CustomValues) >= len(a.CustomValues) {
			a.CustomValues = b.CustomValues
		}
		ta, tb := text(a), text(b)
		switch r.Intn(9) {
		case 0:
			n := r.Intn(4)
			fmt.Printf("compact\t%s\t%d\t%s\n", ta, n, text(a.Copy().Compact(n)))
		case 1:
			op := "add"
			f := (*fh).Add
			if r.Intn(2) == 0 {
				op, f = "sub", (*fh).Sub
			}
			res, collision, reconciled, err := f(a.Copy(), b)
			if err != nil {
				panic(err)
			}
			fmt.Printf("%s\t%s\t%s\t%s\t%v\t%v\n", op, ta, tb, text(res.Compact(0)), collision, reconciled)
		case 2:
			h := a.Copy()
			var c *fh
			var others []string
			var err error
			for n := 1 + r.Intn(4); n > 0; n-- {
				o := random(r, custom)
				if r.Intn(2) == 0 {
					o = alike(r, a)
				}
				others = append(others, text(o))
				if c, _, _, err = h.KahanAdd(o, c); err != nil {
					panic(err)
				}
			}
			if h, _, _, err = h.Add(c); err != nil {
				panic(err)
			}
			fmt.Printf("kahan\t%s\t%s\t%s\n", ta, strings.Join(others, "|"), text(h.Compact(0)))
		case 3:
			fmt.Printf("reset\t%s\t%s\t%v\n", tb, ta, b.DetectReset(a))
		case 4:
			if custom || a.Schema == -4 {
				continue
			}
			s := a.Schema - 1 - int32(r.Intn(int(a.Schema)+4))
			h := a.Copy()
			if err := h.ReduceResolution(s); err != nil {
				panic(err)
			}
			fmt.Printf("reduce\t%s\t%d\t%s\n", ta, s, text(h))
		case 5:
			limit := []float64{0, 0.1, 0.3, 1, 1.5, 2, 3.3, 5, -0.4, -1, -2.2, math.Inf(1), math.Inf(-1), math.NaN()}[r.Intn(14)]
			below := r.Intn(2) == 0
			fmt.Printf("trim\t%s\t%s\t%v\t%s\n", ta, num(limit), below, text(a.Copy().TrimBuckets(limit, below)))
		case 6:
			fmt.Printf("print\t%s\t%s\t%s\n", ta, a.String(), a.TestExpression())
		case 7:
			it, dir := a.AllBucketIterator(), "up"
			if r.Intn(2) == 0 {
				it, dir = a.AllReverseBucketIterator(), "down"
			}
			var bs []string
			for it.Next() {
				bs = append(bs, it.At().String())
			}
			fmt.Printf("buckets\t%s\t%s\t%s\n", ta, dir, strings.Join(bs, " "))
		case 8:
			x := math.Abs(math.Float64frombits(r.Uint64()))
			if r.Intn(2) == 0 || x < 0x1p-1022 { // math.Log is wrong for denormals on amd64
				x = r.Float64() * 10
			}
			fmt.Printf("log2\t%s\t%s\t%s\n", num(x), num(math.Log(x)), num(math.Log2(x)))
		}
	}
}
