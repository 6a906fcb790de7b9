package engine

// agenda holds one moment for each of a fixed number of things, and finds the earliest: a
// heap of four children each, which knows where each thing is. Where two are due at
// once, the lower number comes first.
type agenda struct {
	at    []int64 // by thing
	heap  []int32 // things
	place []int32 // of each in the heap
}

func newAgenda(things int) agenda {
	a := agenda{at: make([]int64, things), heap: make([]int32, things), place: make([]int32, things)}
	for i := range things {
		a.at[i], a.heap[i], a.place[i] = Never, int32(i), int32(i)
	}
	return a
}

func (a *agenda) before(x, y int32) bool {
	return a.at[x] < a.at[y] || a.at[x] == a.at[y] && x < y
}

func (a *agenda) set(thing int32, at int64) {
	if a.at[thing] == at {
		return
	}
	later := at > a.at[thing]
	a.at[thing] = at
	if later {
		a.down(int(a.place[thing]))
	} else {
		a.up(int(a.place[thing]))
	}
}

func (a *agenda) up(i int) {
	x := a.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !a.before(x, a.heap[parent]) {
			break
		}
		a.put(i, a.heap[parent])
		i = parent
	}
	a.put(i, x)
}

func (a *agenda) down(i int) {
	x := a.heap[i]
	for {
		first := 4*i + 1
		if first >= len(a.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(a.heap)); c++ {
			if a.before(a.heap[c], a.heap[least]) {
				least = c
			}
		}
		if !a.before(a.heap[least], x) {
			break
		}
		a.put(i, a.heap[least])
		i = least
	}
	a.put(i, x)
}

func (a *agenda) put(i int, thing int32) {
	a.heap[i] = thing
	a.place[thing] = int32(i)
}
