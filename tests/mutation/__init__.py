"""Are the tests as strong as the rules? Random changes of the code, and which go unnoticed."""
