package tail

// NetworkMagic is what Network decides by.
var NetworkMagic = networkMagic

// MountedAs finds the type of a mounted device.
var MountedAs = mountedAs
