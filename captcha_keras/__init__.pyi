from .dataset.dataset import Dataset as Dataset
from .dataset.labelled import LabelledImages as LabelledImages
from .dataset.layouts import open_dataset as open_dataset
from .evaluation.figures import Evaluation as Evaluation
from .evaluation.figures import evaluate as evaluate
from .export.portable import export_litert as export_litert
from .export.portable import export_onnx as export_onnx
from .export.saved_model import export_saved_model as export_saved_model
from .networks.registry import build_network as build_network
from .networks.registry import list_networks as list_networks
from .pipeline.augmentation import Augmentation as Augmentation
from .recognizer.prediction import Prediction as Prediction
from .recognizer.pretrained import list_pretrained as list_pretrained
from .recognizer.recognizer import Recognizer as Recognizer
from .serving.client.clients import AsyncGrpcClient as AsyncGrpcClient
from .serving.client.clients import AsyncRestClient as AsyncRestClient
from .serving.client.clients import GrpcClient as GrpcClient
from .serving.client.clients import RestClient as RestClient
from .serving.client.endpoint import Tls as Tls
from .spec import CaptchaSpec as CaptchaSpec
from .training.config import TrainConfig as TrainConfig
from .training.run_folder import RunFolder as RunFolder
from .training.trainer import train as train

__version__: str
