package main

import "buf.build/go/bufplugin/check"

func main() { check.Main(spec()) }
