package image

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// BenchmarkReset measures a reset against copying the whole image, in the same
// run: resets/copy is how many resets take as long as one copy. What a run writes
// is not part of the time. Try it with -benchtime=20x.
func BenchmarkReset(b *testing.B) {
	for _, mib := range []int{4, 64, 256} {
		c := bytes.Repeat([]byte{1}, mib<<20)
		img := newImage(b, c)
		copying := timeCopy(c)
		for name, space := range ways() {
			for resident, run := range runs {
				for _, dirty := range []int{0, 20, 1000} {
					b.Run(fmt.Sprintf("%dMiB/%s/%s/dirty=%d", mib, name, resident, dirty), func(b *testing.B) {
						benchmarkReset(b, img, space, func(mem []byte) { run(mem, dirty) }, copying)
					})
				}
			}
		}
	}
}

// timeCopy returns how long it takes to copy c to memory that is there already.
func timeCopy(c []byte) time.Duration {
	dst := bytes.Clone(c)
	rounds := 5 + (64<<20)/len(c)
	start := time.Now()
	for range rounds {
		copy(dst, c)
	}
	return time.Since(start) / time.Duration(rounds)
}

// runs dirty pages all over a memory, and make different parts of it resident. What
// is resident has to be looked at, whether it is dirty or not.
var runs = map[string]func(mem []byte, dirty int){
	"dirty-resident": scribble,
	// What is read before it is written has its neighbours mapped by the kernel.
	"around-resident": func(mem []byte, dirty int) {
		for n := range dirty {
			mem[n*len(mem)/dirty]++
		}
	},
	"all-resident": func(mem []byte, dirty int) {
		bytes.IndexByte(mem, 0)
		scribble(mem, dirty)
	},
}

func scribble(mem []byte, dirty int) {
	for n := range dirty {
		mem[n*len(mem)/dirty] = 2
	}
}

func benchmarkReset(b *testing.B, img *Image, space func(int) (space, error), run func([]byte), copying time.Duration) {
	m := open(b, img.Size(), nil, space, img)
	mem := m.Reallocate(uint64(img.Size()))
	var took time.Duration
	for range b.N {
		run(mem)
		start := time.Now()
		reset(b, m)
		took += time.Since(start)
	}
	b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/reset")
	b.ReportMetric(float64(copying)*float64(b.N)/float64(took), "resets/copy")
}

// BenchmarkRunAndReset measures what is written and the reset together, for a run
// that writes the same pages each time: what is copied need not be faulted in.
func BenchmarkRunAndReset(b *testing.B) {
	img := newImage(b, bytes.Repeat([]byte{1}, 64<<20))
	for name, space := range ways() {
		for _, dirty := range []int{1, 5, 20, 100, 256, 1024, 1025} {
			b.Run(fmt.Sprintf("%s/dirty=%d", name, dirty), func(b *testing.B) {
				m := open(b, img.Size(), nil, space, img)
				mem := m.Reallocate(uint64(img.Size()))
				for b.Loop() {
					scribble(mem, dirty)
					reset(b, m)
				}
			})
		}
	}
}

// BenchmarkMap measures what a memory costs that is made, mapped and freed.
func BenchmarkMap(b *testing.B) {
	img := newImage(b, content(1, 64))
	for name, space := range ways() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				open(b, 256<<20, nil, space, img).Free()
			}
		})
	}
}
