package main

// reloads returns where the operator's wish to reload comes: on Windows only the service control manager brings it.
func reloads() (wishes <-chan struct{}, stop func()) { return nil, func() {} }
