package conns

// PickFirstForAll makes m connect every endpoint by a pick_first, to see what that
// costs. It is called before the first Update.
func PickFirstForAll[S any](m *Manager[S]) {
	m.dial = func(l *leaf[S]) connection { return newChild(l) }
}

// KeyOf is keyOf.
var KeyOf = keyOf
