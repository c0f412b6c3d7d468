"""Later."""
from htp_backend_pto.lower.select_vector import Vector
class Cube(Vector):
    pass
