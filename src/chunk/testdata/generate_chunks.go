// Writes chunks that Prometheus's own tsdb/chunkenc made of random samples, one a line, for
// chunk_golden_test.cc. Run inside a copy of the prometheus module: go run . SEED COUNT
package main

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

func num(f float64) string { return strconv.FormatUint(math.Float64bits(f), 16) }

func floats(r *rand.Rand, name string, c chunkenc.Chunk) {
	app, err := c.Appender()
	if err != nil {
		panic(err)
	}
	n := []int{1, 2, 3, 10, 30, 150}[r.Intn(6)]
	t, st, v := r.Int63n(2e12)-1e6, int64(0), float64(r.Intn(1000))
	if r.Intn(2) == 0 {
		st = t - 1000
	}
	kind, step := r.Intn(4), []int64{0, 1, 100, 5000, 300000, 1 << 33}[r.Intn(6)]
	var out []string
	for i := 0; i < n; i++ {
		switch kind {
		case 0:
			v += float64(r.Intn(100))
		case 1:
			v = r.NormFloat64()
		case 2:
			v = math.Float64frombits(r.Uint64())
		}
		w := v
		if r.Intn(15) == 0 {
			w = math.Float64frombits(value.StaleNaN)
		}
		if r.Intn(10) == 0 && st != 0 {
			st = t - r.Int63n(100)
		}
		app.Append(st, t, w)
		out = append(out, fmt.Sprintf("%d:%d:%s", st, t, num(w)))
		t += 15000 + r.Int63n(step+1)
	}
	fmt.Printf("%s\t%s\t%s\n", name, hex.EncodeToString(c.Bytes()), strings.Join(out, ","))
}

func randomHistogram(r *rand.Rand, prev *histogram.Histogram, custom bool) *histogram.Histogram {
	h := &histogram.Histogram{Schema: 2, ZeroThreshold: []float64{0, 0.001, 1.0 / 1024, 2.5}[r.Intn(4)]}
	if prev != nil {
		h = prev.Copy()
	} else {
		h.PositiveSpans = []histogram.Span{{Offset: int32(r.Intn(9)), Length: 2}, {Offset: 3, Length: uint32(1 + r.Intn(4))}}
		if custom {
			h.Schema, h.ZeroThreshold = histogram.CustomBucketsSchema, 0
			for b := 0.0; b < 20; b++ {
				h.CustomValues = append(h.CustomValues, b*[]float64{0.1, 0.25, 1.0 / 3}[r.Intn(3)]+b)
			}
		} else {
			h.PositiveSpans[0].Offset -= 5
			h.NegativeSpans = []histogram.Span{{Offset: 1, Length: uint32(r.Intn(3))}}
		}
		for _, s := range h.PositiveSpans {
			h.PositiveBuckets = append(h.PositiveBuckets, make([]int64, s.Length)...)
		}
		for _, s := range h.NegativeSpans {
			h.NegativeBuckets = append(h.NegativeBuckets, make([]int64, s.Length)...)
		}
	}
	for _, bs := range [][]int64{h.PositiveBuckets, h.NegativeBuckets} {
		last := int64(0)
		for i := range bs {
			inc := int64(r.Intn(1 << uint(r.Intn(12))))
			bs[i] += inc - last
			last = inc
			h.Count += uint64(inc)
		}
	}
	if !custom {
		z := uint64(r.Intn(3))
		h.ZeroCount += z
		h.Count += z
	}
	h.Sum += r.Float64()
	return h
}

func histograms(r *rand.Rand, name string, c chunkenc.Chunk, float bool) {
	app, err := c.Appender()
	if err != nil {
		panic(err)
	}
	n := []int{1, 2, 3, 10, 30, 140}[r.Intn(6)]
	t, st, step := r.Int63n(2e12), int64(0), []int64{0, 1, 100, 5000}[r.Intn(4)]
	if r.Intn(2) == 0 {
		st = t - 1000
	}
	custom := r.Intn(3) == 0
	var h *histogram.Histogram
	var out []string
	for i := 0; i < n; i++ {
		h = randomHistogram(r, h, custom)
		if r.Intn(10) == 0 && st != 0 {
			st = t - r.Int63n(100)
		}
		var next chunkenc.Chunk
		if float {
			next, _, app, err = app.AppendFloatHistogram(nil, st, t, h.ToFloat(nil), true)
		} else {
			next, _, app, err = app.AppendHistogram(nil, st, t, h, true)
		}
		if err != nil || next != nil {
			panic(fmt.Sprint(err, next))
		}
		var bs []string
		for _, x := range [][]int64{h.PositiveBuckets, h.NegativeBuckets} {
			var b []string
			for _, y := range x {
				b = append(b, strconv.FormatInt(y, 10))
			}
			bs = append(bs, strings.Join(b, " "))
		}
		var ss []string
		for _, x := range [][]histogram.Span{h.PositiveSpans, h.NegativeSpans} {
			var s []string
			for _, y := range x {
				s = append(s, fmt.Sprintf("%d %d", y.Offset, y.Length))
			}
			ss = append(ss, strings.Join(s, " "))
		}
		var cv []string
		for _, x := range h.CustomValues {
			cv = append(cv, num(x))
		}
		out = append(out, fmt.Sprintf("%d:%d:%d:%s:%d:%d:%s:%s:%s:%s", st, t, h.Schema, num(h.ZeroThreshold), h.ZeroCount, h.Count, num(h.Sum),
			strings.Join(ss, "/"), strings.Join(bs, "/"), strings.Join(cv, " ")))
		t += 15000 + r.Int63n(step+1)
	}
	fmt.Printf("%s\t%s\t%s\n", name, hex.EncodeToString(c.Bytes()), strings.Join(out, ","))
}

func main() {
	seed, _ := strconv.Atoi(os.Args[1])
	count, _ := strconv.Atoi(os.Args[2])
	r := rand.New(rand.NewSource(int64(seed)))
	for i := 0; i < count; i++ {
		floats(r, "xor", chunkenc.NewXORChunk())
		floats(r, "xor2", chunkenc.NewXOR2Chunk())
		histograms(r, "histogram", chunkenc.NewHistogramChunk(), false)
		histograms(r, "float_histogram", chunkenc.NewFloatHistogramChunk(), true)
		histograms(r, "histogram_st", chunkenc.NewHistogramSTChunk(), false)
		histograms(r, "float_histogram_st", chunkenc.NewFloatHistogramSTChunk(), true)
	}
}
