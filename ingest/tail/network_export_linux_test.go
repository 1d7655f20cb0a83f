package tail

// NetworkMagic is what Network decides by.
var NetworkMagic = networkMagic
