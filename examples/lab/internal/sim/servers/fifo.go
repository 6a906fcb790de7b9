package servers

import "github.com/freshet-io/freshet/examples/lab/internal/sim/engine"

// FIFO is a queue, first come first served, before a number of workers. A request that has
// expired when its turn comes is dropped; one that a worker has begun is worked off.
type FIFO struct {
	speed   float64
	workers []worker
	busy    int
	next    int // the worker that is done first, -1 if none is busy

	queue   []job // a ring; its length is a power of two
	head    int
	waiting int
	queued  float64 // work that waits
	dropped []int32
}

type worker struct {
	busy bool
	id   int32
	done int64 // when
}

type job struct {
	id      int32
	work    float64
	expires int64
}

// NewFIFO returns an idle server.
func NewFIFO(workers int, speed float64) *FIFO {
	return &FIFO{speed: speed, workers: make([]worker, workers), next: -1, queue: make([]job, 16)}
}

// Add implements Queue.
func (f *FIFO) Add(now int64, id int32, work float64, expires int64) {
	if f.busy < len(f.workers) {
		for i := range f.workers {
			if !f.workers[i].busy {
				f.begin(now, i, id, work)
				return
			}
		}
	}
	if f.waiting == len(f.queue) {
		grown := make([]job, 2*len(f.queue))
		n := copy(grown, f.queue[f.head:])
		copy(grown[n:], f.queue[:f.head])
		f.queue, f.head = grown, 0
	}
	f.queue[(f.head+f.waiting)&(len(f.queue)-1)] = job{id, work, expires}
	f.waiting++
	f.queued += work
}

func (f *FIFO) begin(now int64, i int, id int32, work float64) {
	w := &f.workers[i]
	w.busy, w.id = true, id
	w.done = now + max(int64(work/f.speed), 1)
	f.busy++
	if f.next < 0 || w.done < f.workers[f.next].done {
		f.next = i
	}
}

// Next implements Queue.
func (f *FIFO) Next() int64 {
	if f.next < 0 {
		return engine.Never
	}
	return f.workers[f.next].done
}

// Pop implements Queue.
func (f *FIFO) Pop(now int64) int32 {
	i := f.next
	id := f.workers[i].id
	f.workers[i].busy = false
	f.busy--
	f.seek()
	for f.waiting > 0 {
		j := f.queue[f.head]
		f.head = (f.head + 1) & (len(f.queue) - 1)
		f.waiting--
		f.queued -= j.work
		if j.expires > now {
			f.begin(now, i, j.id, j.work)
			break
		}
		f.dropped = append(f.dropped, j.id)
	}
	if f.waiting == 0 {
		f.queued = 0 // rounding would add up
	}
	return id
}

func (f *FIFO) seek() {
	f.next = -1
	for i := range f.workers {
		if w := &f.workers[i]; w.busy && (f.next < 0 || w.done < f.workers[f.next].done) {
			f.next = i
		}
	}
}

// Dropped implements Queue.
func (f *FIFO) Dropped() int32 {
	n := len(f.dropped)
	if n == 0 {
		return -1
	}
	id := f.dropped[n-1]
	f.dropped = f.dropped[:n-1]
	return id
}

// SetSpeed implements Queue.
func (f *FIFO) SetSpeed(now int64, speed float64) {
	ratio := f.speed / speed
	f.speed = speed
	for i := range f.workers {
		if w := &f.workers[i]; w.busy {
			w.done = now + max(int64(float64(w.done-now)*ratio), 0)
		}
	}
	f.seek()
}

// Remove implements Queue.
func (f *FIFO) Remove(int64) []int32 {
	var ids []int32
	for i := range f.workers {
		if f.workers[i].busy {
			ids = append(ids, f.workers[i].id)
			f.workers[i].busy = false
		}
	}
	for k := range f.waiting {
		ids = append(ids, f.queue[(f.head+k)&(len(f.queue)-1)].id)
	}
	f.busy, f.next, f.waiting, f.queued = 0, -1, 0, 0
	return ids
}

// Busy implements Queue.
func (f *FIFO) Busy() float64 { return float64(f.busy) / float64(len(f.workers)) }

// Expected implements Queue. It takes the work that is left to be spread evenly over the
// workers.
func (f *FIFO) Expected(now int64, work float64, coming int, their float64) float64 {
	alone := work / f.speed
	if f.busy+coming < len(f.workers) {
		return alone
	}
	left := f.queued + their
	for i := range f.workers {
		if w := &f.workers[i]; w.busy {
			left += float64(w.done-now) * f.speed
		}
	}
	wait := left / f.speed / float64(len(f.workers))
	if f.waiting+coming == 0 {
		wait = float64(f.workers[f.next].done - now)
	}
	return wait + alone
}

// Speed implements Queue.
func (f *FIFO) Speed() float64 { return f.speed }
